#include "iam/iam_check.h"

#include "base/text.h"
#include "iam/iam_doc.h"

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, digits, and these. */
static bool is_made_of(struct view v, const char *others)
{
    for (size_t i = 0; i < v.len; i++)
        if (!is_letter_or_digit(v.at[i]) && (v.at[i] == 0 || !strchr(others, v.at[i])))
            return false;
    return true;
}

/* A name stands in ARNs, in JSON, in policies behind ${aws:username}, in XML and on terminals. */
const char *iam_check_user_name(struct view v)
{
    const char *rule =
        "have 1 to 256 bytes of UTF-8, no control characters, no blanks at its ends, "
        "none of / : * ? $ { } < > & \" \\, and not be 'root'";

    if (v.len == 0 || v.len > IAM_USER_NAME_BYTES_MAX || !text_is_utf8(v) || view_is(v, "root") ||
        v.at[0] == ' ' || v.at[v.len - 1] == ' ')
        return rule;
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < 0x20 || v.at[i] == 0x7f || strchr("/:*?${}<>&\"\\", v.at[i]))
            return rule;
    return NULL;
}

const char *iam_check_id(struct view v)
{
    /* Whom AWS, and s3/acl_xml.c, takes anonymous writers for: what they made is nobody's. */
    if (view_is(v, "65a011a29cdf8ec533ec3d1ccaae921c"))
        return "not be that of anonymous writers";
    if (v.len > 0 && v.len <= IAM_ID_BYTES_MAX && is_made_of(v, "._@$+-"))
        return NULL;
    return "have 1 to 128 letters, digits and . _ @ $ + -";
}

const char *iam_check_email(struct view v)
{
    size_t at = view_index(v, '@');

    if (v.len == 0 || (v.len <= IAM_EMAIL_BYTES_MAX && at != SIZE_MAX && at > 0 && at + 1 < v.len &&
                       view_index(view_from(v, at + 1), '@') == SIZE_MAX &&
                       is_made_of(v, "@.!#$%'*+/=?^_`{|}~-")))
        return NULL;
    return "be of the form name@host, 254 characters at most";
}

const char *iam_check_access(struct view v)
{
    if (v.len >= 3 && v.len <= IAM_ACCESS_BYTES_MAX && is_made_of(v, "._@$+-"))
        return NULL;
    return "have 3 to 128 letters, digits and . _ @ $ + -";
}

const char *iam_check_secret(struct view v)
{
    const char *rule = "have 8 to 128 printable ASCII characters and no blanks";

    if (v.len < 8 || v.len > IAM_SECRET_BYTES_MAX)
        return rule;
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] <= 0x20 || v.at[i] >= 0x7f)
            return rule;
    return NULL;
}

const char *iam_check_name(struct view v)
{
    if (v.len > 0 && v.len <= IAM_NAME_BYTES_MAX && is_made_of(v, "._@+=,-"))
        return NULL;
    return "have 1 to 128 letters, digits and . _ @ + = , -";
}
