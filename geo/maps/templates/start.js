{% macro script(this, kwargs) %}
{{ this.map_name }}.attributionControl.setPrefix(false);
document.dispatchEvent(new CustomEvent("gridcover:map", { detail: { map: {{ this.map_name }}, config: {{ this.config }} } }));
{% endmacro %}
