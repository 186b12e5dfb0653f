# SPDX-License-Identifier: Apache-2.0
# Warnings of this kit's own components; ESP-IDF's headers are system headers to them.
function(qres_strict)
    target_compile_options(${COMPONENT_LIB} PRIVATE
        -Wall -Wextra -Werror -Wsign-compare -Wmissing-prototypes -Wshadow ${ARGN})
endfunction()
