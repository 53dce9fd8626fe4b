/* conn_describe.h: a connection as one line of text, as CLIENT LIST and the server's log show it. */
#pragma once

#include "net/conn.h"

/* Appends "id=7 addr=127.0.0.1:5000 ..." without a line end. Owner's thread only: it looks at the socket's state. */
void conn_describe(const struct conn *conn, struct buf *text);

/* The word of a class of clients, e.g. "replica", and the class of a word in any case ("slave" is "replica"). False: no
 * client is of that class, ever ("master"), or the word is unknown. */
bool conn_class_from_word(struct bytes word, enum config_client_class *class_out);
