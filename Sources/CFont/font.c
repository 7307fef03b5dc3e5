#include "font.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char bytes[] = {
#embed "DejaVuSans.ttf"
};

const unsigned char *isotherm_font_bytes(void) { return bytes; }
size_t isotherm_font_length(void) { return sizeof bytes; }
