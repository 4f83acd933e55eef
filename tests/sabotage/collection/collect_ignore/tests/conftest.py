collect_ignore = ['test_bad.py']
collect_ignore_glob = ['test_w*.py']
