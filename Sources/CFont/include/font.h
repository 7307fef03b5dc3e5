// The bundled font (DejaVu Sans 2.37, Bitstream Vera licence with public-domain changes): figures need no
// font of the machine, so the same input draws the same pixels everywhere.
#pragma once
#include <stddef.h>

const unsigned char *isotherm_font_bytes(void);
size_t isotherm_font_length(void);
