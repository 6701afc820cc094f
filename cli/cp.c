#include "cli/cli.h"
#include "cli/copy.h"

int cp_main(int argc, char **argv)
{
    static const struct copy_command command = {
        .usage = "cp [-r] [options] FROM... TO",
        .about = "Copies files to objects, objects to files, objects to objects (inside the\n"
                 "store). An object is s3://BUCKET/KEY; - is standard input or output. A TO that\n"
                 "ends with / (or is a folder, or a bucket) keeps the names. With -r, what is\n"
                 "below FROM appears below TO.\n",
        .may_get = true,
        .may_put = true,
        .may_copy = true,
    };

    return copy_main(&command, argc, argv);
}
