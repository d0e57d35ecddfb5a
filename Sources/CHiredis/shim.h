#pragma once
/// The parts of hiredis/read.h that its reader shares with its user. They are declared here because the library is only
/// loaded at run time, by dlopen(3), and because its versions 0.14 and 1.x lay them out differently.
#include <stddef.h>

enum {
    HIREDIS_STRING = 1,
    HIREDIS_ARRAY = 2,
    HIREDIS_INTEGER = 3,
    HIREDIS_NIL = 4,
    HIREDIS_STATUS = 5,
    HIREDIS_ERROR = 6
};

/// redisReadTask of 0.14.
struct hiredis_task_0 {
    int type, elements, idx;
    void *obj;
    void *parent;
    void *privdata;
};

/// redisReadTask of 1.x.
struct hiredis_task_1 {
    int type;
    long long elements;
    int idx;
    void *obj;
    void *parent;
    void *privdata;
};

/// redisReplyObjectFunctions of 0.14.
struct hiredis_functions_0 {
    void *(*create_string)(const struct hiredis_task_0 *, char *, size_t);
    void *(*create_array)(const struct hiredis_task_0 *, int);
    void *(*create_integer)(const struct hiredis_task_0 *, long long);
    void *(*create_nil)(const struct hiredis_task_0 *);
    void (*free_object)(void *);
};

/// redisReplyObjectFunctions of 1.x. A null pointer stands for what only RESP3 has, which is not negotiated.
struct hiredis_functions_1 {
    void *(*create_string)(const struct hiredis_task_1 *, char *, size_t);
    void *(*create_array)(const struct hiredis_task_1 *, size_t);
    void *(*create_integer)(const struct hiredis_task_1 *, long long);
    void *(*create_double)(const struct hiredis_task_1 *, double, char *, size_t);
    void *(*create_nil)(const struct hiredis_task_1 *);
    void *(*create_bool)(const struct hiredis_task_1 *, int);
    void (*free_object)(void *);
};

/// The part of redisReader that is the same in all versions.
struct hiredis_reader_head {
    int err;
    char errstr[128];
    char *buf;
    size_t pos;
    size_t len;
    size_t maxbuf;
};

/// The whole of redisReader in 0.14.
struct hiredis_reader_0 {
    struct hiredis_reader_head head;
    struct hiredis_task_0 tasks[9];
    int ridx;
    void *reply;
    struct hiredis_functions_0 *functions;
    void *privdata;
};

/// The whole of redisReader in 1.x.
struct hiredis_reader_1 {
    struct hiredis_reader_head head;
    long long maxelements;
    struct hiredis_task_1 **tasks;
    int task_count;
    int ridx;
    void *reply;
    struct hiredis_functions_1 *functions;
    void *privdata;
};

/// The type of the part of a reply that is being read: -1 if it has not arrived yet.
static inline int hiredis_pending_type(const void *reader, int is_first_layout) {
    if (is_first_layout) {
        const struct hiredis_reader_0 *raw = reader;
        return raw->ridx >= 0 && raw->ridx < 9 ? raw->tasks[raw->ridx].type : -1;
    }
    const struct hiredis_reader_1 *raw = reader;
    return raw->ridx >= 0 && raw->ridx < raw->task_count ? raw->tasks[raw->ridx]->type : -1;
}
