# Writes OUT if the commit of SOURCE has changed since. Run at each build.
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit ERROR_QUIET
                OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
elseif(changes)
  set(commit "${commit}+")
endif()
file(WRITE ${OUT}.new "#include \"tools/common/commit.hpp\"\nnamespace cwtch::tools {\n"
  "const char* const kCommit = \"${commit}\";\n}\n")
file(COPY_FILE ${OUT}.new ${OUT} ONLY_IF_DIFFERENT)
