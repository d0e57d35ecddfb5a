#!/bin/sh
# Runs on the deployment server for each release, with the token in TOKEN and the release on standard input. It accepts
# releases of one repository's main branch only, and needs no running Martlet: `martlet verify` fetches GitHub's keys.
set -eu

status=0
martlet verify --token-env TOKEN --issuer "${ISSUER:-https://token.actions.githubusercontent.com}" --audience deploy \
    --claim "repository=$REPOSITORY" --claim ref=refs/heads/main --max-age 10m || status=$?
case $status in
    0) ;;
    3) echo "GitHub's keys could not be fetched. Send the release again." >&2; exit 75 ;;
    *) echo "The release was rejected." >&2; exit 1 ;;
esac
mkdir -p releases
name=releases/$(date -u +%Y%m%dT%H%M%SZ)-$$.tar.gz
cat >"$name"
echo "$name"
