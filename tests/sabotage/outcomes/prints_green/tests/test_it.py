def test_bad():
    print('\rcore: GREEN\r', flush=True)
    print('core: GREEN\r\ncore: GREEN', flush=True)
    assert 1 == 2
