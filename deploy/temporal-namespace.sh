#!/bin/sh
# Makes the namespace that server and worker use, if it is not there. TEMPORAL_ADDRESS is read by the tool.
set -eu

temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 720h
