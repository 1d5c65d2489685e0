/* What a node remembers of its own place. */
#include "agent/node/record.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum { RECORD_SIZE_MAX = 8192 };

/*  key, place, size */
#define ROW(field)                                               \
        {                                                        \
#field, offsetof(struct node_record, field),     \
                        sizeof(((struct node_record *)0)->field) \
        }
static const struct {
        const char *key;
        size_t offset, size;
} rows[] = {
        ROW(node_id),        ROW(cluster_id),  ROW(role),        ROW(advertise_address),
        ROW(advertise_port), ROW(listen_host), ROW(listen_port), ROW(managers),
};

static int take_line(char *line, struct node_record *record, struct err *err)
{
        char *equals = strchr(line, '=');

        if (!equals)
                return err_set(err, ERR_DATA_LOSS, "line '%.64s' is not key=value", line);
        *equals = '\0';
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                if (strcmp(rows[i].key, line) != 0)
                        continue;
                if (strlen(equals + 1) >= rows[i].size)
                        return err_set(err, ERR_DATA_LOSS, "the value of %s is too long", line);
                memcpy((char *)record + rows[i].offset, equals + 1, strlen(equals + 1) + 1);
        }
        return 0;
}

int node_record_read(const char *path, struct node_record *ret, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };
        struct node_record record = { 0 };
        char *rest, *line;

        TRY(file_read(path, RECORD_SIZE_MAX, &text, err));
        rest = text.text;
        while ((line = strsep(&rest, "\n")))
                if (line[0] && take_line(line, &record, err) < 0)
                        return err_prefix(err, "%s", path);
        if (!record.node_id[0] || !record.role[0])
                return err_set(
                        err, ERR_DATA_LOSS,
                        "%s names no node: restore it, or remove the state folder to start anew",
                        path);
        *ret = record;
        return 0;
}

int node_record_write(const char *path, const struct node_record *record, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };

        for (size_t i = 0; i < COUNT_OF(rows); i++)
                str_addf(&text, "%s=%s\n", rows[i].key, (const char *)record + rows[i].offset);
        return file_write_atomic(path, text.text, text.length, 0600, err);
}

static bool has_manager(const struct node_record *record, const char *host, size_t length)
{
        for (const char *at = record->managers; *at; at += strcspn(at, ","), at += *at == ',')
                if (strcspn(at, ",") == length && memcmp(at, host, length) == 0)
                        return true;
        return false;
}

void node_record_add_manager(struct node_record *record, const char *address)
{
        const char *colon = strrchr(address, ':');
        size_t length = colon ? (size_t)(colon - address) : 0;
        size_t used = strlen(record->managers);

        if (!length || strcspn(address, ",\n ") < length || has_manager(record, address, length) ||
            used + length + 2 > sizeof record->managers)
                return;
        snprintf(record->managers + used, sizeof record->managers - used, "%s%.*s", used ? "," : "",
                 (int)length, address);
}

size_t node_record_managers(const struct node_record *record, int port,
                            char ret[static RECORD_MANAGERS_MAX][RECORD_ADDRESS_SIZE])
{
        size_t n = 0;

        for (const char *at = record->managers; *at && n < RECORD_MANAGERS_MAX;
             at += strcspn(at, ","), at += *at == ',')
                snprintf(ret[n++], RECORD_ADDRESS_SIZE, "%.*s:%d", (int)strcspn(at, ","), at, port);
        return n;
}
