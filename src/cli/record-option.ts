/** What `--record` says of itself, wherever there is one. */
export const RECORD_OPTION =
  "write the record into this PostgreSQL too: postgres://user@host/database, or @file (PLUMB_RECORD)";
