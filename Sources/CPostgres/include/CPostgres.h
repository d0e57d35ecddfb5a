#pragma once
#include <stddef.h>
#include <stdint.h>

// libpq (PostgreSQL's client library), loaded when a program asks for it and linked by none. The functions are those of
// libpq with the same names and may be called only after cpostgres_load() returned 0.

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

/// One setting of a connection address, as PQconninfoParse has it.
typedef struct {
    char *keyword;
    char *environment;
    char *compiled;
    /// Null if the address does not have it.
    char *value;
    char *label;
    char *display;
    int size;
} cpostgres_option;

/// What the server said beside its answers since the last call of cpostgres_take_warning.
typedef struct {
    /// The five characters of the first warning's SQLSTATE and a zero; empty if there was none.
    char state[6];
    char text[200];
} cpostgres_warnings;

/// Loads libpq.so.5. 0, or -1: then `reason` has why, of at most `capacity` bytes.
int cpostgres_load(char *reason, size_t capacity);

PGconn *cpostgres_connect_start(const char *const *keywords, const char *const *values);
int cpostgres_connect_poll(PGconn *connection);
int cpostgres_status(const PGconn *connection);
int cpostgres_socket(const PGconn *connection);
int cpostgres_server_version(const PGconn *connection);
const char *cpostgres_error_message(const PGconn *connection);
void cpostgres_finish(PGconn *connection);
int cpostgres_set_nonblocking(PGconn *connection);
int cpostgres_send_query(PGconn *connection, const char *text);
int cpostgres_send_query_params(
    PGconn *connection, const char *text, int count, const uint32_t *types, const char *const *values,
    const int *lengths, const int *formats);
int cpostgres_send_prepare(
    PGconn *connection, const char *name, const char *text, int count, const uint32_t *types);
int cpostgres_send_query_prepared(
    PGconn *connection, const char *name, int count, const char *const *values, const int *lengths,
    const int *formats);
int cpostgres_flush(PGconn *connection);
int cpostgres_consume_input(PGconn *connection);
int cpostgres_is_busy(PGconn *connection);
PGresult *cpostgres_get_result(PGconn *connection);
int cpostgres_result_status(const PGresult *result);
const char *cpostgres_result_field(const PGresult *result, int field);
int cpostgres_row_count(const PGresult *result);
int cpostgres_column_count(const PGresult *result);
int cpostgres_is_null(const PGresult *result, int row, int column);
int cpostgres_length(const PGresult *result, int row, int column);
const char *cpostgres_value(const PGresult *result, int row, int column);
void cpostgres_clear(PGresult *result);
int cpostgres_get_copy_data(PGconn *connection, char **row);
void cpostgres_free(void *memory);
/// Takes one notification out of those that have arrived: 1, or 0 if there is none.
int cpostgres_take_notification(PGconn *connection);
/// Has warnings of the connection noted in `warnings`, which must outlive the connection.
void cpostgres_note_warnings(PGconn *connection, cpostgres_warnings *warnings);
cpostgres_option *cpostgres_parse(const char *address, char **error);
void cpostgres_free_options(cpostgres_option *options);
