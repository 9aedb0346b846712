"""The time that requests are signed with: the machine's, and as much ahead as the emulator's clock is."""

import datetime
import importlib

# Seconds.
ahead = 0


def install():
    """Puts the clock into every copy of botocore: the AWS CLI brings its own."""
    for name in ("botocore.auth", "awscli.botocore.auth"):
        auth = importlib.import_module(name)
        real = auth.get_current_datetime
        auth.get_current_datetime = lambda real=real: real() + datetime.timedelta(seconds=ahead)
