/* The memory of answers: a ring. */
#include "manager/store/answers.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

const struct answer *answers_find(const struct answers *answers, const char *request_id)
{
        return map_find(&answers->by_id, request_id);
}

static void forget(struct answers *answers, struct answer **slot)
{
        if (!*slot)
                return;
        answers->bytes -= (*slot)->size;
        /* A later answer may have taken over the id. */
        if (map_find(&answers->by_id, (*slot)->request_id) == *slot)
                map_remove(&answers->by_id, (*slot)->request_id);
        free(*slot);
        *slot = NULL;
}

static void put(struct answers *answers, uint64_t number, const char *request_id,
                const uint8_t *data, size_t size)
{
        struct answer **slot = &answers->slots[number % ANSWERS_MAX];
        size_t id_size = strlen(request_id) + 1;
        struct answer *answer = mem_alloc(sizeof *answer + id_size + size);
        const struct answer *same;

        forget(answers, slot);
        answer->number = number;
        answer->size = size;
        answer->data = (const uint8_t *)answer->request_id + id_size;
        memcpy(answer->request_id, request_id, id_size);
        if (size)
                memcpy(answer->request_id + id_size, data, size);
        *slot = answer;
        answers->bytes += size;
        same = map_find(&answers->by_id, request_id);
        if (!same || same->number < number)
                map_put(&answers->by_id, answer->request_id, answer);
}

static void trim(struct answers *answers)
{
        while (answers->first < answers->last && (answers->last - answers->first >= ANSWERS_MAX ||
                                                  answers->bytes > ANSWERS_BYTES_MAX))
                forget(answers, &answers->slots[answers->first++ % ANSWERS_MAX]);
}

void answers_add(struct answers *answers, const char *request_id, const uint8_t *data, size_t size)
{
        if (!answers->last)
                answers->first = 1;
        /* The ring's oldest shares the slot of the newest: out first, so that 'first' stays true.
         */
        if (answers->last + 1 - answers->first >= ANSWERS_MAX)
                forget(answers, &answers->slots[answers->first++ % ANSWERS_MAX]);
        put(answers, ++answers->last, request_id, data, size);
        trim(answers);
}

void answers_load(struct answers *answers, uint64_t number, const char *request_id,
                  const uint8_t *data, size_t size)
{
        if (number > answers->last)
                answers->last = number;
        if (!answers->first || number < answers->first)
                answers->first = number;
        put(answers, number, request_id, data, size);
}

/* One that was forgotten before it was written left on disk what lay in its slot before: a number
 * whose place in the ring is a newer one's now. */
static void forget_overtaken(struct answers *answers)
{
        for (size_t i = 0; i < ANSWERS_MAX; i++)
                if (answers->slots[i] && answers->last - answers->slots[i]->number >= ANSWERS_MAX)
                        forget(answers, &answers->slots[i]);
        if (answers->last - answers->first >= ANSWERS_MAX)
                answers->first = answers->last - ANSWERS_MAX + 1;
}

void answers_loaded(struct answers *answers)
{
        forget_overtaken(answers);
        trim(answers);
}

const struct answer *answers_at(const struct answers *answers, uint64_t number)
{
        const struct answer *answer = answers->slots[number % ANSWERS_MAX];

        return answer && answer->number == number ? answer : NULL;
}

void answers_done(struct answers *answers)
{
        for (size_t i = 0; i < ANSWERS_MAX; i++)
                free(answers->slots[i]);
        map_done(&answers->by_id);
        *answers = (struct answers){ 0 };
}
