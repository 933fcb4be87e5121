"""From `build/out` to devices: publish a version, point an environment at it. Plan, print, then do.

words        what a person typed; each command takes what is its own
versions     availableVersions.json, and what counts as a version
layout       where everything lies in the bucket
store        what is asked of a bucket
folder, gcs  the embedded bucket, and Google's
configured   which of the two it is
built        what the build left behind
publish      from build/out into the bucket
rollout      an environment is pointed at a version that is there
keys         who may sign: the keyring; signers, where private keys lie
metadata     what is signed, as it lies in the bucket, and what comes next
sign         what is signed along with a release: signed_release, rollout_document, outdated
ceremony     nox -s keys; new_roots, key_words, bundle
record       the plan that was executed, kept
progress     what a person sees meanwhile
"""
