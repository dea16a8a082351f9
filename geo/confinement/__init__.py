"""Confined processes for parsing untrusted files.

`fork_server` starts processes quickly, `restrictions` removes their privileges, `signatures` checks
the first bytes of a file against the format that its name states.
"""
