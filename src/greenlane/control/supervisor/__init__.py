"""The supervisor: a process of its own that runs one lane or shard, and leaves nothing behind."""
