#!/bin/bash
set -e
cd /work/wt/facade/compat/uses
echo 'Working in the folder:'; pwd
echo 'Current environment:'; env
echo 'Will now execute the program'
exec /root/.cache/rumbo/compat/environments/rumbo-530d3eaaeee4/bin/python b2luigi_use.py --batch-runner --task-id Total_3_1633f8ecd9