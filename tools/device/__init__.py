"""Checks of the accelerator of this machine; see `check_device.py`."""
