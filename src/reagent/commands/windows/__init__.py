"""`reagent.exe service ...`, and the service itself (docs/contract/system.md 5.3, 5.4)."""
