"""A bucket that is not trusted: what a device believes of it, and why not (design: trust).

    roots      what the executable brings; without any, the bucket is a plain one
    bucket     the catalogue of a signed bucket
    policy     what is refused beyond signatures: what was seen before, what time it is, what for
    record     what this device has seen, in `updates.json`
    memory     that, and the verified metadata, on the disk
    document   which version a channel runs, as it was signed for
    source     where metadata lies

Decisions are pure. Signatures are checked behind `contracts.trust.Attested`.
"""
