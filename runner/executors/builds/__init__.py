"""Builds of one's own: a source -> its wheel -> a lock beside its base's -> an environment.

`sources` fetches or copies a source, `wheels` builds the wheel in confinement and checks it,
`making` locks it and records it in the store. Foreign code sees what `foreign` shows it alone.
"""
