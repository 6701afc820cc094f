/*
 * Input: "host\npath?query".
 *
 * Invariants. What a request names is well-formed: a valid bucket, a key of at most 1,024 bytes of
 * UTF-8. Asked again in path style, percent-encoded strictly, it names the same. Parameters stay
 * within their table.
 */
#include "s3/route.h"

#include "base/text.h"
#include "fuzz.h"

enum { BLOCKS = 64 };

static const struct s3_service service = {.domains = {VIEW("s3.test")}, .domain_count = 1};

static void check_again(const struct route *route, struct region *R)
{
    uint8_t path[8192];
    struct buf b = buf_over(path, sizeof path);
    struct route again;

    buf_put_byte(&b, '/');
    buf_put(&b, route->bucket);
    if (route->level == S3_OBJECT)
        buf_put_byte(&b, '/');
    text_put_uri(&b, route->key, true);
    MUST(!b.overflow);
    MUST(route_target(&service, VIEW("127.0.0.1:9000"), buf_view(&b), R, &again) == S3_None);
    MUST(again.level == route->level);
    MUST(view_eq(again.bucket, route->bucket) && view_eq(again.key, route->key));
}

static void check_target(struct view host, struct view path, struct region *R)
{
    struct route route;

    if (route_target(&service, host, path, R, &route) != S3_None)
        return;
    if (route.level == S3_SERVICE) {
        MUST(route.bucket.len == 0 && route.key.len == 0);
        return;
    }
    MUST(route.bucket.len > 0 && route.bucket.len <= ENGINE_BUCKET_BYTES_MAX);
    MUST((route.level == S3_OBJECT) == (route.key.len > 0));
    MUST(route.key.len <= ROUTE_KEY_BYTES_MAX && text_is_utf8(route.key));
    if (route_bucket_is_valid(route.bucket))
        check_again(&route, R);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, MIN(size, 16384)), host = VIEW_EMPTY;
    struct region_pool pool;
    struct region region;
    static struct s3_param params[S3_PARAMS_MAX];
    unsigned count = 0;

    (void)view_split(&v, '\n', &host);
    size_t mark = view_index(v, '?');
    region_pool_init(&pool, BLOCKS);
    region_init(&region, &pool);
    check_target(host, view_upto(v, mark), &region);
    if (mark != SIZE_MAX &&
        route_params(view_from(v, mark + 1), &region, params, &count) == S3_None)
        MUST(count <= S3_PARAMS_MAX);
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}
