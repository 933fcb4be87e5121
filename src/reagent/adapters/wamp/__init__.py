"""WAMP through autobahn; nothing else sees that library."""
