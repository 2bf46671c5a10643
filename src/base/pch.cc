// Carries the precompiled header (cmake/Modules.cmake).
