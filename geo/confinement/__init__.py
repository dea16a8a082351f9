"""Work on untrusted bytes in a process of its own, which may do little else.

`fork_server` starts such processes cheaply, `restrictions` takes from one what it does not need,
`signatures` tells by the first bytes of a file whether it is what its name says.
"""
