import json
import os
import pathlib

path = pathlib.Path(os.environ["GREENLANE_CONTRACT"])
contract = json.loads(path.read_text())
contract["leaks"]["level"] = "off"
path.write_text(json.dumps(contract))
