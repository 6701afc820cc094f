#include "cli/cli.h"
#include "cli/copy.h"

int get_main(int argc, char **argv)
{
    static const struct copy_command command = {
        .usage = "get [-r] [options] s3://BUCKET/KEY... [TO]",
        .about = "Reads objects into files; TO is a file, a folder, or - for standard output\n"
                 "(default: the current folder). A file appears when all of it is there.\n",
        .may_get = true,
        .default_target = ".",
    };

    return copy_main(&command, argc, argv);
}
