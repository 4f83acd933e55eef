import os

os.environ['EARLY'] = '1'
