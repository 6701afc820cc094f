#include "cli/cli.h"
#include "cli/copy.h"

int put_main(int argc, char **argv)
{
    static const struct copy_command command = {
        .usage = "put [-r] [options] FILE... s3://BUCKET/KEY",
        .about = "Stores files as objects; - is standard input. A target that ends with / (or is\n"
                 "a bucket) keeps the names. With -r, what is below a folder appears below it.\n",
        .may_put = true,
    };

    return copy_main(&command, argc, argv);
}
