from greenlane.nox_sessions import register_lanes

register_lanes(__file__)
