"""Staying in touch: dial, hold, beat, dial again."""
