/* conn_name.h: the texts a client gives its connection: name, library name and version. */
#pragma once

#include "net/conn.h"

/* True when the text has no spaces, newlines or other bytes outside '!' .. '~'. Empty is valid. */
bool conn_name_is_valid(struct bytes text) ATTR_PURE;

/* Replaces *field by a copy of text; NULL when the text is empty. */
void conn_set_text(char **field, struct bytes text);

/* Ends MONITOR on this connection; harmless when it is off. */
void conn_leave_monitor(struct conn *conn);
