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
        ROW(advertise_port), ROW(listen_host), ROW(listen_port),
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
