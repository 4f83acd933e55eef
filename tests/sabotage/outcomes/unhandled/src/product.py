async def send():
    return 1


def post():
    send()
