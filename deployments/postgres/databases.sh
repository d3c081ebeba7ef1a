#!/bin/sh
# Run once by the postgres image, on an empty volume: databases with their owners. Prefect's records can be thrown away;
# Draftline's ledger cannot. Apart, each can be backed up, moved and restored by itself. The sandbox's play money and
# real money have a ledger each (DRAFTLINE_VENDORS says which is used).
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    -v prefect_password="$PREFECT_DB_PASSWORD" -v draftline_password="$LEDGER_DB_PASSWORD" <<'SQL'
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE ROLE draftline LOGIN PASSWORD :'draftline_password';
CREATE DATABASE prefect OWNER prefect;
CREATE DATABASE draftline_sandbox OWNER draftline;
CREATE DATABASE draftline_live OWNER draftline;
REVOKE CONNECT ON DATABASE prefect FROM PUBLIC;
REVOKE CONNECT ON DATABASE draftline_sandbox FROM PUBLIC;
REVOKE CONNECT ON DATABASE draftline_live FROM PUBLIC;
\connect prefect
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SQL
