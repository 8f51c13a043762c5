/* SPDX-License-Identifier: Apache-2.0 */
#include "application.h"

bool application_there(void)
{
    return false;
}

const char *application_name(void)
{
    return "none";
}

void application_prepare(void)
{
}
