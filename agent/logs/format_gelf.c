/* GELF: JSON, compressed and in chunks over UDP, with a NUL behind it over TCP. */
#include <string.h>
#include <zlib.h>

#include "agent/logs/format_private.h"
#include "lib/base/time.h"

enum { INFO = 6, ERROR = 3, CHUNK_SIZE = 1420, CHUNK_HEAD = 12, CHUNKS_MAX = 128 };
enum { ZLIB_BITS = 15, GZIP_BITS = 16 };

static void add_pair(struct str *text, const char *key, const char *value)
{
        str_add(text, ",\"_");
        str_add_json(text, key);
        str_add(text, "\":\"");
        str_add_json(text, value);
        str_add_char(text, '"');
}

static void add_message(struct log_format *format, const struct log_line *line, struct str *text)
{
        const struct log_origin *origin = &format->origin;
        _cleanup_(str_done) struct str message = { 0 };

        str_add_bytes(&message, line->data, line->size);
        str_add(text, "{\"version\":\"1.1\",\"host\":\"");
        str_add_json(text, origin->host);
        str_add(text, "\",\"short_message\":\"");
        str_add_json(text, str_text(&message));
        str_addf(text, "\",\"timestamp\":%lld.%03d,\"level\":%d",
                 (long long)(line->at_ns / NS_PER_S), (int)(line->at_ns % NS_PER_S / NS_PER_MS),
                 line->stream == LOG_STDERR ? ERROR : INFO);
        add_pair(text, "container_id", origin->id);
        add_pair(text, "container_name", origin->name);
        add_pair(text, "image_id", origin->image_id);
        add_pair(text, "image_name", origin->image);
        add_pair(text, "command", origin->command);
        add_pair(text, "tag", format->tag);
        for (size_t i = 0; i < format->n_extra; i++)
                add_pair(text, format->extra[i].key, format->extra[i].value);
        str_add_char(text, '}');
}

static bool compress_text(const struct log_config *config, const struct str *text, struct str *ret)
{
        int bits = config->compression == GELF_GZIP ? ZLIB_BITS + GZIP_BITS : ZLIB_BITS;
        z_stream stream = { 0 };
        unsigned char *room;
        size_t size;
        int result;

        if (deflateInit2(&stream, config->compression_level, Z_DEFLATED, bits, MAX_MEM_LEVEL,
                         Z_DEFAULT_STRATEGY) != Z_OK)
                return false;
        size = deflateBound(&stream, text->length);
        room = mem_alloc(size);
        stream.next_in = (unsigned char *)text->text;
        stream.avail_in = (unsigned)text->length;
        stream.next_out = room;
        stream.avail_out = (unsigned)size;
        result = deflate(&stream, Z_FINISH);
        str_add_bytes(ret, room, stream.total_out);
        deflateEnd(&stream);
        free(room);
        return result == Z_STREAM_END;
}

static void add_chunks(struct log_format *format, const struct str *data, struct str *frames)
{
        const size_t part = CHUNK_SIZE - CHUNK_HEAD, n = (data->length + part - 1) / part;
        char chunk[CHUNK_SIZE] = { 0x1e, 0x0f };

        if (data->length <= CHUNK_SIZE) {
                format_add_frame(frames, data->text, data->length);
                return;
        }
        if (n > CHUNKS_MAX) {
                format_add_frame(frames, "", 0);
                return;
        }
        memcpy(chunk + 2, format->message_id, sizeof format->message_id);
        for (int i = 0; i < 4; i++)
                chunk[2 + i] ^= (char)(format->n_messages >> 8 * i);
        for (size_t i = 0; i < n; i++) {
                size_t left = data->length - i * part, size = left < part ? left : part;

                chunk[10] = (char)i;
                chunk[11] = (char)n;
                memcpy(chunk + CHUNK_HEAD, data->text + i * part, size);
                format_add_frame(frames, chunk, CHUNK_HEAD + size);
        }
}

void format_gelf(struct log_format *format, const struct log_line *line, struct str *frames)
{
        _cleanup_(str_done) struct str compressed = { 0 };
        struct str *text = &format->text;

        str_clear(text);
        add_message(format, line, text);
        if (format->config.transport == LOG_TCP)
                format_add_frame(frames, text->text, text->length + 1);
        else if (format->config.compression == GELF_PLAIN)
                add_chunks(format, text, frames);
        else if (compress_text(&format->config, text, &compressed))
                add_chunks(format, &compressed, frames);
}
