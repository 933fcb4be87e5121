"""Words of the domain: frozen dataclasses and enums, no I/O."""
