"""Answers that are kept for their users: responses and chats that may be read again, continued and deleted.

Bounded and expiring; what belongs to one user does not exist for another.
"""
