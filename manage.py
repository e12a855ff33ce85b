#!/usr/bin/env python
"""Django's command line: ./dev manage COMMAND runs it with the development database."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockence.settings")
    execute_from_command_line(sys.argv)
