/* What tasks take and what runs in them: the rows. */
#include "cli/usage.h"

#include <string.h>
#include <time.h>

#include "cli/size.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

static const struct list_field usage_fields[] = {
        { "Container", "TASK" },
        { "ID", "TASK ID" },
        { "Name", "NAME" },
        { "CPUPerc", "CPU %" },
        { "MemUsage", "MEM USAGE / LIMIT" },
        { "MemPerc", "MEM %" },
        { "NetIO", "NET I/O" },
        { "BlockIO", "BLOCK I/O" },
        { "PIDs", "PIDS" },
        { 0 },
};

const struct list_kind usage_list = {
        .fields = usage_fields,
        .table = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t"
                 "{{.BlockIO}}\t{{.PIDs}}",
};

static const struct list_field process_fields[] = {
        { "UID", "UID" },   { "PID", "PID" },     { "PPID", "PPID" },
        { "C", "C" },       { "STIME", "STIME" }, { "TTY", "TTY" },
        { "TIME", "TIME" }, { "CMD", "CMD" },     { 0 },
};

const struct list_kind process_list = {
        .fields = process_fields,
        .table = "{{.UID}}\t{{.PID}}\t{{.PPID}}\t{{.C}}\t{{.STIME}}\t{{.TTY}}\t{{.TIME}}\t{{.CMD}}",
};

/* --- samples --- */

void usage_table_add(struct usage_table *table, const char *id, const char *name)
{
        if (!table->tasks.element_size)
                table->tasks = VEC_OF(struct usage_row);
        vec_push(&table->tasks, &(struct usage_row){ .id = id, .name = name });
}

void usage_table_take(struct usage_table *table, const Sk__TaskUsage *usage)
{
        for (size_t i = 0; i < table->tasks.n; i++) {
                struct usage_row *row = vec_at(&table->tasks, i);

                if (!str_equal(row->id, usage->task_id))
                        continue;
                row->before = row->now;
                row->now = *usage;
                row->now.task_id = row->now.node_id = NULL;
                row->n_samples += row->n_samples < 2;
        }
}

bool usage_table_is_full(const struct usage_table *table)
{
        for (size_t i = 0; i < table->tasks.n; i++)
                if (VEC_AT(&table->tasks, struct usage_row, i).n_samples < 2)
                        return false;
        return true;
}

void usage_table_done(struct usage_table *table)
{
        vec_done(&table->tasks);
}

/* --- rows --- */

static double cpu_percent(const struct usage_row *row)
{
        int64_t passed_ns = row->now.at_boot_ns - row->before.at_boot_ns;

        if (passed_ns <= 0 || row->now.cpu_ns < row->before.cpu_ns)
                return 0;
        return (double)(row->now.cpu_ns - row->before.cpu_ns) / (double)passed_ns * 100;
}

static void add_amount(struct str *out, uint64_t bytes)
{
        add_size(out, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
}

static json_t *row_of(const struct usage_row *row, bool whole)
{
        const Sk__TaskUsage *usage = &row->now;
        struct str cpu = { 0 }, memory = { 0 }, percent = { 0 }, network = { 0 }, block = { 0 };
        uint64_t limit = usage->memory_limit_bytes;
        json_t *json;

        str_addf(&cpu, "%.2f%%", cpu_percent(row));
        str_add_bytes_iec(&memory, (double)usage->memory_bytes);
        str_add(&memory, " / ");
        str_add_bytes_iec(&memory, (double)limit);
        str_addf(&percent, "%.2f%%",
                 limit ? 100.0 * (double)usage->memory_bytes / (double)limit : 0);
        add_amount(&network, usage->received_bytes);
        str_add(&network, " / ");
        add_amount(&network, usage->sent_bytes);
        add_amount(&block, usage->read_bytes);
        str_add(&block, " / ");
        add_amount(&block, usage->written_bytes);
        json = json_pack("{ss ss% ss ss ss ss ss ss so}", "Container", row->id, "ID", row->id,
                         whole ? strlen(row->id) : strnlen(row->id, 12), "Name", row->name,
                         "CPUPerc", str_text(&cpu), "MemUsage", str_text(&memory), "MemPerc",
                         str_text(&percent), "NetIO", str_text(&network), "BlockIO",
                         str_text(&block), "PIDs",
                         json_sprintf("%llu", (unsigned long long)usage->pids));
        str_done(&cpu);
        str_done(&memory);
        str_done(&percent);
        str_done(&network);
        str_done(&block);
        return json;
}

/* What has not been measured yet, as docker shows it. */
static json_t *unknown_row(const struct usage_row *row, bool whole)
{
        return json_pack("{ss ss% ss ss ss ss ss ss ss}", "Container", row->id, "ID", row->id,
                         whole ? strlen(row->id) : strnlen(row->id, 12), "Name", row->name,
                         "CPUPerc", "--", "MemUsage", "-- / --", "MemPerc", "--", "NetIO", "--",
                         "BlockIO", "--", "PIDs", "--");
}

json_t *usage_table_rows(const struct usage_table *table, bool whole)
{
        json_t *rows = json_array();

        for (size_t i = 0; i < table->tasks.n; i++) {
                const struct usage_row *row = vec_at(&table->tasks, i);

                json_array_append_new(rows, row->n_samples ? row_of(row, whole)
                                                           : unknown_row(row, whole));
        }
        return rows;
}

void usage_draw(const char *text, size_t height, size_t width, struct str *out)
{
        _cleanup_(str_done) struct str line = { 0 };
        size_t length;

        str_add(out, "\x1b[H");
        for (size_t n = 1; *text && n != height; n++, text += length + (text[length] == '\n')) {
                length = strcspn(text, "\n");
                str_clear(&line);
                str_add_bytes(&line, text, length);
                /* The last column stays free, as progress_draw() has it. */
                add_ellipsis(out, str_text(&line), width ? width - 1 : SIZE_MAX);
                str_add(out, "\x1b[K\n");
        }
        str_add(out, "\x1b[J");
}

/* --- processes --- */

/* The hour when it is of the last day, else the date; as ps. */
static void add_start(struct str *out, int64_t started_ns, int64_t now_ns)
{
        time_t started = (time_t)(started_ns / NS_PER_S);
        char text[16] = "";
        struct tm local;

        if (localtime_r(&started, &local))
                strftime(text, sizeof text,
                         now_ns - started_ns < 24 * 60 * NS_PER_MINUTE ? "%H:%M" : "%b%d", &local);
        str_add(out, text);
}

static json_t *process_row(const Sk__ProcessInfo *process, int64_t now_ns)
{
        int64_t lived_ns = now_ns - process->started_at_ns, cpu_s = process->cpu_ns / NS_PER_S;
        _cleanup_(str_done) struct str start = { 0 };

        add_start(&start, process->started_at_ns, now_ns);
        return json_pack("{ss so so so ss ss so ss}", "UID", process->user, "PID",
                         json_sprintf("%lld", (long long)process->pid), "PPID",
                         json_sprintf("%lld", (long long)process->parent_pid), "C",
                         json_sprintf("%.0f", lived_ns > 0 ? 100.0 * (double)process->cpu_ns /
                                                                     (double)lived_ns
                                                           : 0.0),
                         "STIME", str_text(&start), "TTY", str_or(process->terminal, "?"), "TIME",
                         json_sprintf("%02lld:%02lld:%02lld", (long long)(cpu_s / 3600),
                                      (long long)(cpu_s / 60 % 60), (long long)(cpu_s % 60)),
                         "CMD", process->command);
}

json_t *process_rows(Sk__ProcessInfo *const *processes, size_t n, int64_t now_ns)
{
        json_t *rows = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(rows, process_row(processes[i], now_ns));
        return rows;
}
