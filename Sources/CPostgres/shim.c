#define _GNU_SOURCE
#include "CPostgres.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct pgNotify PGnotify;
typedef void (*receiver)(void *, const PGresult *);

static struct {
    PGconn *(*PQconnectStartParams)(const char *const *, const char *const *, int);
    int (*PQconnectPoll)(PGconn *);
    int (*PQstatus)(const PGconn *);
    int (*PQsocket)(const PGconn *);
    int (*PQserverVersion)(const PGconn *);
    char *(*PQerrorMessage)(const PGconn *);
    void (*PQfinish)(PGconn *);
    int (*PQsetnonblocking)(PGconn *, int);
    int (*PQsendQuery)(PGconn *, const char *);
    int (*PQsendQueryParams)(
        PGconn *, const char *, int, const uint32_t *, const char *const *, const int *, const int *, int);
    int (*PQsendPrepare)(PGconn *, const char *, const char *, int, const uint32_t *);
    int (*PQsendQueryPrepared)(
        PGconn *, const char *, int, const char *const *, const int *, const int *, int);
    int (*PQflush)(PGconn *);
    int (*PQconsumeInput)(PGconn *);
    int (*PQisBusy)(PGconn *);
    int (*PQsetErrorVerbosity)(PGconn *, int);
    PGresult *(*PQgetResult)(PGconn *);
    int (*PQresultStatus)(const PGresult *);
    char *(*PQresultErrorField)(const PGresult *, int);
    int (*PQntuples)(const PGresult *);
    int (*PQnfields)(const PGresult *);
    int (*PQgetisnull)(const PGresult *, int, int);
    int (*PQgetlength)(const PGresult *, int, int);
    char *(*PQgetvalue)(const PGresult *, int, int);
    void (*PQclear)(PGresult *);
    int (*PQgetCopyData)(PGconn *, char **, int);
    void (*PQfreemem)(void *);
    PGnotify *(*PQnotifies)(PGconn *);
    receiver (*PQsetNoticeReceiver)(PGconn *, receiver, void *);
    cpostgres_option *(*PQconninfoParse)(const char *, char **);
    void (*PQconninfoFree)(cpostgres_option *);
} libpq;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *library;

static int find(void *handle, void *target, const char *name, char *reason, size_t capacity) {
    void *symbol = dlsym(handle, name);
    if (!symbol) {
        snprintf(reason, capacity, "libpq.so.5 has no function %s", name);
        return -1;
    }
    memcpy(target, &symbol, sizeof symbol);
    return 0;
}

#define FIND(name) find(handle, &libpq.name, #name, reason, capacity)

static int load(void *handle, char *reason, size_t capacity) {
    return FIND(PQconnectStartParams) || FIND(PQconnectPoll) || FIND(PQstatus) || FIND(PQsocket)
        || FIND(PQserverVersion) || FIND(PQerrorMessage) || FIND(PQfinish) || FIND(PQsetnonblocking)
        || FIND(PQsendQuery) || FIND(PQsendQueryParams) || FIND(PQsendPrepare) || FIND(PQsendQueryPrepared) || FIND(PQflush) || FIND(PQconsumeInput) || FIND(PQisBusy)
        || FIND(PQsetErrorVerbosity) || FIND(PQgetResult) || FIND(PQresultStatus) || FIND(PQresultErrorField) || FIND(PQntuples)
        || FIND(PQnfields) || FIND(PQgetisnull) || FIND(PQgetlength) || FIND(PQgetvalue) || FIND(PQclear)
        || FIND(PQgetCopyData) || FIND(PQfreemem) || FIND(PQnotifies) || FIND(PQsetNoticeReceiver)
        || FIND(PQconninfoParse) || FIND(PQconninfoFree) ? -1 : 0;
}

int cpostgres_load(char *reason, size_t capacity) {
    pthread_mutex_lock(&lock);
    int result = 0;
    if (!library) {
        void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            const char *text = dlerror();
            snprintf(reason, capacity, "%s", text ? text : "libpq.so.5 cannot be loaded");
            result = -1;
        } else if ((result = load(handle, reason, capacity)) == 0) {
            library = handle;
        } else {
            dlclose(handle);
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

PGconn *cpostgres_connect_start(const char *const *keywords, const char *const *values) {
    PGconn *connection = libpq.PQconnectStartParams(keywords, values, 1);
    // PQERRORS_VERBOSE: the message of a failed login then has its SQLSTATE, which is to be had in no other way.
    if (connection) libpq.PQsetErrorVerbosity(connection, 2);
    return connection;
}

int cpostgres_connect_poll(PGconn *connection) { return libpq.PQconnectPoll(connection); }
int cpostgres_status(const PGconn *connection) { return libpq.PQstatus(connection); }
int cpostgres_socket(const PGconn *connection) { return libpq.PQsocket(connection); }
int cpostgres_server_version(const PGconn *connection) { return libpq.PQserverVersion(connection); }
const char *cpostgres_error_message(const PGconn *connection) { return libpq.PQerrorMessage(connection); }
void cpostgres_finish(PGconn *connection) { libpq.PQfinish(connection); }
int cpostgres_set_nonblocking(PGconn *connection) { return libpq.PQsetnonblocking(connection, 1); }

int cpostgres_send_query(PGconn *connection, const char *text) { return libpq.PQsendQuery(connection, text); }

int cpostgres_send_query_params(
    PGconn *connection, const char *text, int count, const uint32_t *types, const char *const *values,
    const int *lengths, const int *formats) {
    // The answer in binary form.
    return libpq.PQsendQueryParams(connection, text, count, types, values, lengths, formats, 1);
}

int cpostgres_send_prepare(
    PGconn *connection, const char *name, const char *text, int count, const uint32_t *types) {
    return libpq.PQsendPrepare(connection, name, text, count, types);
}

int cpostgres_send_query_prepared(
    PGconn *connection, const char *name, int count, const char *const *values, const int *lengths,
    const int *formats) {
    return libpq.PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1);
}

int cpostgres_flush(PGconn *connection) { return libpq.PQflush(connection); }
int cpostgres_consume_input(PGconn *connection) { return libpq.PQconsumeInput(connection); }
int cpostgres_is_busy(PGconn *connection) { return libpq.PQisBusy(connection); }
PGresult *cpostgres_get_result(PGconn *connection) { return libpq.PQgetResult(connection); }
int cpostgres_result_status(const PGresult *result) { return libpq.PQresultStatus(result); }

const char *cpostgres_result_field(const PGresult *result, int field) {
    return libpq.PQresultErrorField(result, field);
}

int cpostgres_row_count(const PGresult *result) { return libpq.PQntuples(result); }
int cpostgres_column_count(const PGresult *result) { return libpq.PQnfields(result); }

int cpostgres_is_null(const PGresult *result, int row, int column) { return libpq.PQgetisnull(result, row, column); }
int cpostgres_length(const PGresult *result, int row, int column) { return libpq.PQgetlength(result, row, column); }

const char *cpostgres_value(const PGresult *result, int row, int column) {
    return libpq.PQgetvalue(result, row, column);
}

void cpostgres_clear(PGresult *result) { libpq.PQclear(result); }

int cpostgres_get_copy_data(PGconn *connection, char **row) { return libpq.PQgetCopyData(connection, row, 1); }
void cpostgres_free(void *memory) { libpq.PQfreemem(memory); }

int cpostgres_take_notification(PGconn *connection) {
    PGnotify *notification = libpq.PQnotifies(connection);
    if (!notification) return 0;
    libpq.PQfreemem(notification);
    return 1;
}

static void note(void *target, const PGresult *result) {
    cpostgres_warnings *warnings = target;
    // PG_DIAG_SEVERITY_NONLOCALIZED, which every server from 9.6 on sends.
    const char *severity = libpq.PQresultErrorField(result, 'V');
    if (!severity || strcmp(severity, "WARNING") != 0 || warnings->state[0]) return;
    const char *state = libpq.PQresultErrorField(result, 'C');
    const char *text = libpq.PQresultErrorField(result, 'M');
    snprintf(warnings->state, sizeof warnings->state, "%s", state && state[0] ? state : "01000");
    snprintf(warnings->text, sizeof warnings->text, "%s", text ? text : "");
}

void cpostgres_note_warnings(PGconn *connection, cpostgres_warnings *warnings) {
    libpq.PQsetNoticeReceiver(connection, note, warnings);
}

cpostgres_option *cpostgres_parse(const char *address, char **error) { return libpq.PQconninfoParse(address, error); }
void cpostgres_free_options(cpostgres_option *options) { libpq.PQconninfoFree(options); }
