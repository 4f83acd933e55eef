def check_it():
    assert 1 == 2
