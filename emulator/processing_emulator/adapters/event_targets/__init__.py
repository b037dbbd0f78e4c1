"""Receivers of events. Their addresses come from the settings alone, never from a request."""
