# `make package`: trady, what users run, and trady-dev, what find_package(trady) needs.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME trady)
set(CPACK_PACKAGE_VENDOR "trady developers")
set(CPACK_PACKAGE_CONTACT "trady developers <trady@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "fine-tunes pretrained networks under a memory budget")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "The command line program, and trady-convert for checkpoints of other projects.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME trady)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS python3)

# Static libraries: whoever links them links what they use.
set(TRADY_DEVELOPMENT_DEPENDS nlohmann-json3-dev)
if(ZLIB_FOUND)
  list(APPEND TRADY_DEVELOPMENT_DEPENDS zlib1g-dev)
endif()
if(TRADY_NEEDS_ONEDNN)  # its CMake files look for OpenCL
  list(APPEND TRADY_DEVELOPMENT_DEPENDS libdnnl-dev ocl-icd-opencl-dev)
endif()
list(JOIN TRADY_DEVELOPMENT_DEPENDS ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "Static libraries and headers, for find_package(trady) in CMake.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME trady-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/trady RENAME copyright
        COMPONENT runtime)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/trady-dev RENAME copyright
        COMPONENT development)
include(CPack)
