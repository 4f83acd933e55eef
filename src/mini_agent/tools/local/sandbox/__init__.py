"""The sandbox of the local backend: namespaces of the Linux kernel, made anew for every call.

Three processes take part beside the program. The gateway asks (`client`); the keeper, a small process that it starts
once, forks for every call (`keeper`); the fork is the first process of the sandbox, builds the world that the program
sees, starts it, and ends everything with the call (`inside`).
"""
