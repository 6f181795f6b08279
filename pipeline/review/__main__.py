"""Run Django's commands on the study in ATELIERS_STUDY: `python -m pipeline.review check`."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pipeline.review.settings")
    execute_from_command_line(["ateliers review", *sys.argv[1:]])
