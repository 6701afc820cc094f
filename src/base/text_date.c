/*
 * Dates. The proleptic Gregorian calendar in whole days: a year is taken to begin in March, so that
 * the leap day is its last, and 400 years are 146,097 days.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/text.h"

enum { DAYS_400_YEARS = 146097, DAYS_TO_1970 = 719468 /* from 0000-03-01 */ };

static const int64_t DAY_MS = 86400000;
static const int64_t MS_FIRST = -62167219200000; /* 0000-01-01T00:00:00.000Z */
static const int64_t MS_LAST = 253402300799999;  /* 9999-12-31T23:59:59.999Z */

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

struct date {
    unsigned year, month, day; /* month, day from 1 */
    unsigned hour, minute, second, ms;
    unsigned weekday; /* 0 Sunday; written only */
};

static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_in_era = y - era * 400;
    int64_t day_in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_in_era = year_in_era * 365 + year_in_era / 4 - year_in_era / 100 + day_in_year;

    return era * DAYS_400_YEARS + day_in_era - DAYS_TO_1970;
}

static struct date date_of(int64_t ms)
{
    ms = MIN(MAX(ms, MS_FIRST), MS_LAST);
    int64_t days = (ms - (ms < 0 ? DAY_MS - 1 : 0)) / DAY_MS;
    unsigned rest = (unsigned)(ms - days * DAY_MS);
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_400_YEARS - 1)) / DAYS_400_YEARS;
    unsigned in_era = (unsigned)(shifted - era * DAYS_400_YEARS);
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0 March */

    return (struct date){
        .year = (unsigned)((int64_t)year + era * 400 + (month >= 10)),
        .month = month < 10 ? month + 3 : month - 9,
        .day = in_year - (153 * month + 2) / 5 + 1,
        .hour = rest / 3600000,
        .minute = rest / 60000 % 60,
        .second = rest / 1000 % 60,
        .ms = rest % 1000,
        .weekday = (unsigned)((days % 7 + 7 + 4) % 7), /* 1970-01-01 was a Thursday */
    };
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && is_leap ? 29 : days[month - 1];
}

static enum err ms_of(const struct date *d, unsigned second_max, int64_t *ms_out)
{
    if (d->month < 1 || d->month > 12 || d->day < 1 || d->day > days_in_month(d->year, d->month) ||
        d->hour > 23 || d->minute > 59 || d->second > second_max)
        return ERR_MALFORMED;
    int64_t seconds = ((int64_t)d->hour * 60 + d->minute) * 60 + d->second;
    *ms_out = days_of(d->year, d->month, d->day) * DAY_MS + seconds * 1000 + d->ms;
    return ERR_OK;
}

static bool take_text(struct view *v, const char *text)
{
    if (!view_starts(*v, view_str(text)))
        return false;
    *v = view_from(*v, strlen(text));
    return true;
}

static bool take_number(struct view *v, size_t digits, unsigned *n_out)
{
    uint64_t n;

    if (v->len < digits || text_to_u64(view_upto(*v, digits), &n))
        return false;
    *v = view_from(*v, digits);
    *n_out = (unsigned)n;
    return true;
}

static bool take_month(struct view *v, unsigned *month_out)
{
    for (unsigned i = 0; i < ARRAY_COUNT(month_names); i++) {
        if (take_text(v, month_names[i])) {
            *month_out = i + 1;
            return true;
        }
    }
    return false;
}

/* "03:04:05" */
static bool take_time(struct view *v, struct date *d)
{
    return take_number(v, 2, &d->hour) && take_text(v, ":") && take_number(v, 2, &d->minute) &&
           take_text(v, ":") && take_number(v, 2, &d->second);
}

enum err text_to_amz_date(struct view v, int64_t *ms_out)
{
    struct date d = {0};

    bool is_date = take_number(&v, 4, &d.year) && take_number(&v, 2, &d.month) &&
                   take_number(&v, 2, &d.day) && take_text(&v, "T") &&
                   take_number(&v, 2, &d.hour) && take_number(&v, 2, &d.minute) &&
                   take_number(&v, 2, &d.second) && take_text(&v, "Z") && v.len == 0;

    return is_date ? ms_of(&d, 59, ms_out) : ERR_MALFORMED;
}

void text_put_amz_date(struct buf *b, int64_t ms)
{
    struct date d = date_of(ms);

    buf_printf(b, "%04u%02u%02uT%02u%02u%02uZ", d.year, d.month, d.day, d.hour, d.minute, d.second);
}

void text_put_iso_date(struct buf *b, int64_t ms)
{
    struct date d = date_of(ms);

    buf_printf(
        b, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", d.year, d.month, d.day, d.hour, d.minute,
        d.second, d.ms);
}

/* ".678", one to nine digits, of which three count; or nothing. */
static bool take_fraction(struct view *v, unsigned *ms_out)
{
    unsigned scale = 100, digit;
    size_t digits = 0;

    *ms_out = 0;
    if (!take_text(v, "."))
        return true;
    while (take_number(v, 1, &digit)) {
        *ms_out += digit * scale;
        scale /= 10;
        digits++;
    }
    return digits >= 1 && digits <= 9;
}

enum err text_to_iso_date(struct view v, int64_t *ms_out)
{
    struct date d = {0};

    bool is_date = take_number(&v, 4, &d.year) && take_text(&v, "-") &&
                   take_number(&v, 2, &d.month) && take_text(&v, "-") &&
                   take_number(&v, 2, &d.day) && take_text(&v, "T") && take_time(&v, &d) &&
                   take_fraction(&v, &d.ms) && take_text(&v, "Z") && v.len == 0;

    return is_date ? ms_of(&d, 59, ms_out) : ERR_MALFORMED;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", behind the day's name. */
static bool take_imf_fixdate(struct view v, struct date *d)
{
    return take_text(&v, ", ") && take_number(&v, 2, &d->day) && take_text(&v, " ") &&
           take_month(&v, &d->month) && take_text(&v, " ") && take_number(&v, 4, &d->year) &&
           take_text(&v, " ") && take_time(&v, d) && take_text(&v, " GMT") && v.len == 0;
}

/* "Sun Nov  6 08:49:37 1994", behind the day's name. */
static bool take_asctime(struct view v, struct date *d)
{
    return take_text(&v, " ") && take_month(&v, &d->month) && take_text(&v, " ") &&
           take_number(&v, take_text(&v, " ") ? 1 : 2, &d->day) && take_text(&v, " ") &&
           take_time(&v, d) && take_text(&v, " ") && take_number(&v, 4, &d->year) && v.len == 0;
}

/*
 * "Sunday, 06-Nov-94 08:49:37 GMT", behind the day's name. A year that would lie more than 50
 * years ahead is the one a century before (RFC 9110, 5.6.7).
 */
static bool take_rfc850(struct view v, struct date *d)
{
    unsigned now = date_of(clock_wall_ms()).year;

    if (!(take_text(&v, ", ") && take_number(&v, 2, &d->day) && take_text(&v, "-") &&
          take_month(&v, &d->month) && take_text(&v, "-") && take_number(&v, 2, &d->year) &&
          take_text(&v, " ") && take_time(&v, d) && take_text(&v, " GMT") && v.len == 0))
        return false;
    d->year += now / 100 * 100;
    if (d->year > now + 50)
        d->year -= 100;
    return true;
}

enum err text_to_http_date(struct view v, int64_t *ms_out)
{
    struct date d = {0};

    for (size_t i = 0; i < ARRAY_COUNT(day_names); i++) {
        struct view name = view_str(day_names[i]);
        bool is_date = false;

        if (view_starts(v, name))
            is_date = take_rfc850(view_from(v, name.len), &d);
        else if (view_starts(v, view_upto(name, 3)))
            is_date = take_imf_fixdate(view_from(v, 3), &d) || take_asctime(view_from(v, 3), &d);
        /* The grammar has second 60, for leap seconds; here it is the next minute's first. */
        if (is_date)
            return ms_of(&d, 60, ms_out);
    }
    return ERR_MALFORMED;
}

void text_put_http_date(struct buf *b, int64_t ms)
{
    struct date d = date_of(ms);

    buf_printf(
        b, "%.3s, %02u %s %04u %02u:%02u:%02u GMT", day_names[d.weekday], d.day,
        month_names[d.month - 1], d.year, d.hour, d.minute, d.second);
}
