#include "base/cidr.h"

#include <arpa/inet.h>

#include "base/text.h"

enum { ADDRESS_TEXT_MAX = 64, V4_IN_V6_BITS = 96 };

static bool read_address(struct view text, uint8_t to[16], bool *is_v4_out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[ADDRESS_TEXT_MAX];

    if (text.len == 0 || text.len >= sizeof copy || view_index(text, 0) != SIZE_MAX)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *is_v4_out = inet_pton(AF_INET, copy, to + 12) == 1;
    if (*is_v4_out)
        memcpy(to, mapped, sizeof mapped);
    return *is_v4_out || inet_pton(AF_INET6, copy, to) == 1;
}

enum err cidr_parse(struct view text, struct cidr *c)
{
    size_t slash = MIN(view_index(text, '/'), text.len);
    struct cidr got;
    uint64_t bits;
    bool is_v4;

    if (!read_address(view_upto(text, slash), got.bytes, &is_v4))
        return ERR_MALFORMED;
    bits = is_v4 ? 32 : 128;
    if (slash < text.len) {
        uint64_t most = bits;
        TRY(text_to_u64(view_from(text, slash + 1), &bits));
        if (bits > most)
            return ERR_MALFORMED;
    }
    got.bits = (unsigned)bits + (is_v4 ? V4_IN_V6_BITS : 0);
    *c = got;
    return ERR_OK;
}

bool cidr_has(const struct cidr *c, struct view address)
{
    uint8_t bytes[16];
    bool is_v4;
    unsigned whole = c->bits / 8, rest = c->bits % 8;

    if (!read_address(address, bytes, &is_v4) || memcmp(bytes, c->bytes, whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] ^ c->bytes[whole]) >> (8 - rest) == 0;
}
