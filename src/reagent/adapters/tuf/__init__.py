"""python-tuf's `ngclient`, which implements the client workflow of The Update Framework.

    client   one look: a working copy of what is known, an `Updater`, and what came of it
    bridge   its fetcher: files come from whoever calls us, over our own HTTP
    words    its errors and objects in our words
    library  the only import of `ngclient`

Importing it costs memory, so it is done when a signed bucket is looked at, and in functions.
Signatures are Ed25519 alone: those are verified without compiled code.
"""
