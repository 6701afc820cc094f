/*
 * What buckets do not have here: logging, notifications, lifecycle, replication, websites, default
 * encryption, acceleration, requester pays, analytics, metrics, inventories, tiering. Asked, they
 * are answered as AWS answers for a bucket where they are off; taking away what is not there is
 * done already; a setting that says "off" is accepted. What would switch them on is 501.
 */
#include <assert.h>

#include "s3/ops.h"
#include "s3/setting.h"

enum { ANSWER_BYTES = 512 };

/* By the row's subresource: an error, or a document; `has_list`: the error is for one that is named
 * by id, the document for all of them. */
static const struct off {
    const char *subresource;
    enum s3_code code;
    const char *root, *inside;
    bool has_list;
} offs[] = {
    {"accelerate", S3_None, "AccelerateConfiguration", "", false},
    {"analytics", S3_NoSuchConfiguration, "ListBucketAnalyticsConfigurationResult",
     "<IsTruncated>false</IsTruncated>", true},
    {"encryption", S3_ServerSideEncryptionConfigurationNotFoundError, NULL, NULL, false},
    {"intelligent-tiering", S3_NoSuchConfiguration,
     "ListBucketIntelligentTieringConfigurationsOutput", "<IsTruncated>false</IsTruncated>", true},
    {"inventory", S3_NoSuchConfiguration, "ListInventoryConfigurationsResult",
     "<IsTruncated>false</IsTruncated>", true},
    {"lifecycle", S3_NoSuchLifecycleConfiguration, NULL, NULL, false},
    {"logging", S3_None, "BucketLoggingStatus", "", false},
    {"metrics", S3_NoSuchConfiguration, "ListMetricsConfigurationsResult",
     "<IsTruncated>false</IsTruncated>", true},
    {"notification", S3_None, "NotificationConfiguration", "", false},
    {"replication", S3_ReplicationConfigurationNotFoundError, NULL, NULL, false},
    {"requestPayment", S3_None, "RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>", false},
    {"website", S3_NoSuchWebsiteConfiguration, NULL, NULL, false},
};

static const struct off *off_of(const struct s3_request *r)
{
    size_t i = 0;

    while (i < ARRAY_COUNT(offs) && strcmp(offs[i].subresource, r->op->subresource) != 0)
        i++;
    assert(i < ARRAY_COUNT(offs)); /* the rows of ops.c that start here are in the list */
    return &offs[i];
}

void bucket_off_get_start(struct s3_request *r)
{
    const struct off *off = off_of(r);

    if (off->code && !(off->has_list && !s3_param(r, "id").at)) {
        s3_finish_error(r, off->code, NULL);
        return;
    }
    struct buf x = buf_over(region_take(r->region, ANSWER_BYTES), ANSWER_BYTES);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, off->root);
    buf_put_str(&x, off->inside);
    xml_close(&x, off->root);
    assert(!x.overflow);
    s3_finish_xml(r, 200, buf_view(&x));
}

void bucket_off_delete_start(struct s3_request *r)
{
    const struct off *off = off_of(r);

    if (off->has_list) {
        s3_finish_error(r, off->code, NULL);
        return;
    }
    s3_reply(r, 204);
    s3_finish_empty(r);
}

static enum s3_code read_off(struct setting *s, struct view body)
{
    struct xml_node *root;
    enum s3_code code = setting_parse(s, body, off_of(s->request)->root, &root);

    if (code || !root->first)
        return code;
    if (view_is(root->name, "RequestPaymentConfiguration") && xml_has_only(root, "Payer") &&
        view_is(xml_child_text(root, "Payer"), "BucketOwner"))
        return S3_None;
    return S3_NotImplemented;
}

void bucket_off_put_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "PutBucketOff.reading-body",
        .status = 200,
        .read = read_off,
    };

    setting_start(r, &rule);
}
