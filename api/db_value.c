/* db_value: PostgreSQL's binary formats. Numbers travel in network byte order;
 * a timestamptz is microseconds since 2000-01-01 UTC. */
#include "api/db_private.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define PG_EPOCH_US INT64_C(946684800000000)

#define TEXT_OID 25

/* An array's head: dimensions, whether it has nulls, the elements' type; of the
 * one dimension its length and first index. */
#define ARRAY_HEAD (5 * sizeof(uint32_t))

static size_t texts_size(const struct db_param *param)
{
    size_t size = ARRAY_HEAD;
    for (uint32_t i = 0; i < param->count; i++)
        size += sizeof(uint32_t) + param->texts[i].len;
    return size;
}

size_t db_param_size(const struct db_param *param)
{
    if (param->null)
        return 0;
    if (param->type == DB_TEXTS)
        return texts_size(param);
    return param->type == DB_TEXT ? param->text.len : sizeof(int64_t);
}

static char *write_u32(char *out, uint32_t number)
{
    uint32_t wire = htobe32(number);
    memcpy(out, &wire, sizeof wire);
    return out + sizeof wire;
}

static char *write_text(char *out, struct str text)
{
    if (text.len > 0)
        memcpy(out, text.p, text.len);
    return out + text.len;
}

static char *write_texts(char *out, const struct db_param *param)
{
    out = write_u32(out, 1);
    out = write_u32(out, 0);
    out = write_u32(out, TEXT_OID);
    out = write_u32(out, param->count);
    out = write_u32(out, 1);
    for (uint32_t i = 0; i < param->count; i++) {
        out = write_u32(out, (uint32_t)param->texts[i].len);
        out = write_text(out, param->texts[i]);
    }
    return out;
}

/* Rounded down: a bound between two microseconds holds what lies before. */
static int64_t time_to_pg(int64_t ns)
{
    if (ns == DB_TIME_MIN || ns == DB_TIME_MAX)
        return ns;
    int64_t us = ns / NS_PER_US - (ns % NS_PER_US < 0);
    return us - PG_EPOCH_US;
}

char *db_param_write(const struct db_param *param, char *out)
{
    if (param->null)
        return out;
    if (param->type == DB_TEXT)
        return write_text(out, param->text);
    if (param->type == DB_TEXTS)
        return write_texts(out, param);
    int64_t number =
        param->type == DB_TIME ? time_to_pg(param->number) : param->number;
    uint64_t wire = htobe64((uint64_t)number);
    memcpy(out, &wire, sizeof wire);
    return out + sizeof wire;
}

bool db_is_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) != 0;
}

struct str db_str(const PGresult *result, int row, int column)
{
    return str_make(PQgetvalue(result, row, column),
                    (size_t)PQgetlength(result, row, column));
}

int64_t db_i64(const PGresult *result, int row, int column)
{
    uint64_t wire;
    assert(PQgetlength(result, row, column) == sizeof wire);
    memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    return (int64_t)be64toh(wire);
}

double db_double(const PGresult *result, int row, int column)
{
    int64_t bits = db_i64(result, row, column);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool db_take_double(const PGresult *result, int row, int column, double *value)
{
    uint64_t wire = 0;
    bool known = PQgetlength(result, row, column) == sizeof wire;
    if (known)
        memcpy(&wire, PQgetvalue(result, row, column), sizeof wire);
    wire = be64toh(wire);
    memcpy(value, &wire, sizeof wire);
    return known;
}

int64_t db_time(const PGresult *result, int row, int column)
{
    return (db_i64(result, row, column) + PG_EPOCH_US) * NS_PER_US;
}
